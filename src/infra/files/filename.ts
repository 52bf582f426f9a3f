const MAX_LENGTH = 255;
/** Controls, halves of surrogate pairs, and what turns the direction of text: `gpj.exe` would be shown as `exe.jpg`. */
const UNSAFE = /[\p{Cc}\p{Surrogate}\u202a-\u202e\u2066-\u2069]/gu;

/** A name to show, never a path: its last part, without unsafe characters; undefined when nothing is left. */
export function cleanFilename(name: string | undefined): string | undefined {
  const last = name?.split(/[/\\]/).at(-1)?.slice(-MAX_LENGTH).replace(UNSAFE, '').trim();
  return last && !/^\.+$/.test(last) ? last : undefined;
}
