/** Longest text of one WhatsApp message, in UTF-16 units. */
const MAX_TEXT_LENGTH = 65_536;

/** Where a long text is cut, best first: at blank lines, at the ends of lines. */
const BREAKS = [/\n(?:[ \t]*\n)+/g, /\n/g];
/** The line breaks at a cut, which the new message replaces. */
const LINE_BREAKS = /\n(?:[ \t]*\n)*/y;

/** The text in pieces that fit a message: cut at blank lines, else at lines, else anywhere but within a character. */
export function splitText(text: string, limit = MAX_TEXT_LENGTH): string[] {
  const pieces: string[] = [];
  let rest = text;
  while (rest.length > limit) {
    const [end, next] = cutOf(rest, limit);
    pieces.push(rest.slice(0, end));
    rest = rest.slice(next);
  }
  return [...pieces, rest].filter((piece) => piece.trim() !== '');
}

/** Where the first piece ends, and where the next one begins. */
function cutOf(text: string, limit: number): [end: number, next: number] {
  for (const pattern of BREAKS) {
    const found = [...text.slice(0, limit + 1).matchAll(pattern)].findLast(({ index }) => index > 0);
    if (!found) continue;
    LINE_BREAKS.lastIndex = found.index;
    LINE_BREAKS.test(text);
    return [found.index, LINE_BREAKS.lastIndex];
  }
  const isPair = /[\uD800-\uDBFF]/.test(text.charAt(limit - 1));
  const end = isPair ? limit - 1 : limit;
  return [end, end];
}
