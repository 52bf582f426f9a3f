/** Leaf paths of a state value: `{connected: {link: 'healthy'}}` → `['connected.link.healthy']`. */
export function pathsOf(value: unknown, prefix = ''): string[] {
  if (typeof value === 'string') return [`${prefix}${value}`];
  return Object.entries(value as Record<string, unknown>).flatMap(([key, inner]) =>
    pathsOf(inner, `${prefix}${key}.`),
  );
}
