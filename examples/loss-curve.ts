/** A loss curve as an SVG file. */

const WIDTH = 640;
const HEIGHT = 320;
const MARGIN = 44;

/** @param losses One a step. */
export function lossCurveSvg(title: string, losses: readonly number[]): string {
  const low = Math.min(...losses);
  const high = Math.max(...losses);
  const x = (i: number) => MARGIN + ((WIDTH - 2 * MARGIN) * i) / Math.max(1, losses.length - 1);
  const y = (loss: number) => HEIGHT - MARGIN - ((HEIGHT - 2 * MARGIN) * (loss - low)) / (high - low || 1);
  const points = losses.map((loss, i) => `${x(i).toFixed(1)},${y(loss).toFixed(1)}`).join(' ');
  const label = (text: string, left: number, top: number) => `<text x="${left}" y="${top}">${escaped(text)}</text>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">
<rect width="${WIDTH}" height="${HEIGHT}" fill="white"/>
${label(title, MARGIN, 24)}
${label(high.toFixed(3), 6, y(high) + 4)}
${label(low.toFixed(3), 6, y(low) + 4)}
${label('step 1', MARGIN, HEIGHT - 18)}
${label(`step ${losses.length}`, WIDTH - MARGIN - 40, HEIGHT - 18)}
<path d="M${MARGIN} ${MARGIN}V${HEIGHT - MARGIN}H${WIDTH - MARGIN}" fill="none" stroke="#888"/>
<polyline points="${points}" fill="none" stroke="#0b6bcb" stroke-width="2"/>
</svg>
`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
