/** Patterns of file names: `*`, `?`, `[a-z]`, `{a,b}` and `**` for any folders. */

const SPECIAL = /[*?[{]/;

export const isPattern = (path: string) => SPECIAL.test(path);

/** The folder that holds everything a pattern can match: its leading parts without special characters. */
export function patternBase(pattern: string): string {
  const parts = pattern.split('/');
  const special = parts.findIndex((part) => SPECIAL.test(part));
  return parts.slice(0, special < 0 ? -1 : special).join('/') || (pattern.startsWith('/') ? '/' : '.');
}

/** Whether paths match, with / between folders. A file name's leading dot needs a dot of its own. */
export function matcher(pattern: string): (path: string) => boolean {
  const expression = new RegExp(`^${translate(pattern)}$`);
  return (path) => expression.test(path);
}

function translate(pattern: string): string {
  let source = '';
  let braces = 0;
  for (let i = 0; i < pattern.length; i++) {
    const char = pattern[i] as string;
    const rest = pattern.slice(i);
    const atStart = i === 0 || pattern[i - 1] === '/';
    const folders = atStart ? /^\*\*(\/|$)/.exec(rest) : null;
    const set = /^\[(!?)([^\]]+)\]/.exec(rest);
    if (folders) {
      source += folders[1] ? '(?:(?!\\.)[^/]+/)*' : '(?:(?!\\.)[^/]+/)*(?!\\.)[^/]+';
      i += folders[0].length - 1;
    } else if (char === '*') source += atStart ? '(?!\\.)[^/]*' : '[^/]*';
    else if (char === '?') source += '[^/]';
    else if (set) {
      source += `[${set[1] ? '^' : ''}${(set[2] as string).replaceAll('\\', '\\\\')}]`;
      i += set[0].length - 1;
    } else if (char === '{') {
      source += '(?:';
      braces += 1;
    } else if (char === '}' && braces > 0) {
      source += ')';
      braces -= 1;
    } else if (char === ',' && braces > 0) source += '|';
    else source += char.replace(/[.+^$()|[\]{}\\]/g, '\\$&');
  }
  return source;
}
