/** An OpenAPI document as JSON and as YAML. */
export interface DocumentFiles {
  json(): object;
  yaml(): Promise<string>;
}

/** The files of a document, which is created at the first request: it would take a sixth of the start. */
export function documentFiles(describe: () => object): DocumentFiles {
  let document: object | undefined;
  let text: string | undefined;
  /** The document, created once. */
  const json = () => {
    document ??= describe();
    return document;
  };
  return {
    json,
    yaml: async () => {
      const { stringify } = await import('yaml');
      text ??= stringify(json(), { aliasDuplicateObjects: false });
      return text;
    },
  };
}
