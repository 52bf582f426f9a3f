import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import { TEXTS } from '../../../src/actors/domain/error-texts.ts';

/** Errors of the start, for the operator alone: they stand beside the check that raises them. */
const OF_START = ['src/infra/ownership/database-owner.ts', 'src/infra/postgres/migrate.ts'];

describe('the catalogue of error texts', () => {
  it('has every text once', () => {
    const texts = Object.values(TEXTS).flatMap((byName) => Object.values(byName).map(String));
    expect(texts).to.have.length(new Set(texts).size);
  });

  it('has every text that the actors, the HTTP edge and the infrastructure raise', () => {
    const files = ['src/actors', 'src/http', 'src/infra']
      .flatMap((dir) =>
        readdirSync(dir, { recursive: true, encoding: 'utf8' }).map((name) => `${dir}/${name}`),
      )
      .filter((file) => file.endsWith('.ts') && !OF_START.includes(file));
    expect(files).to.include('src/actors/gateway/gateway.ts');
    const literal = /new GatewayError\(\s*'[A-Z_]+',\s*['"`](?!\$\{error\.message\})/;
    expect(files.filter((file) => literal.test(readFileSync(file, 'utf8')))).to.deep.equal([]);
  });
});
