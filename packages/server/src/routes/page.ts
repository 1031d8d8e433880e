/** The page at /: two texts and their similarity, and the nearest of a list. */

import { readFileSync } from 'node:fs';

import type { Route } from './route.ts';

const PAGE = new URL('../../assets/page.html', import.meta.url);

/** It loads nothing, and talks to its own server alone. */
const POLICY =
  "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; img-src data:; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

export function pageRoute(): Route {
  const html = readFileSync(PAGE, 'utf8');
  return {
    method: 'GET',
    path: '/',
    summary: 'A demo page.',
    isPublic: true,
    handle: (context) => context.html(html, 200, { 'content-security-policy': POLICY }),
  };
}
