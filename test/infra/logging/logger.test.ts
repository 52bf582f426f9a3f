import { expect } from 'chai';
import { GatewayError } from '../../../src/actors/domain/errors.ts';
import { createLogger, maskNumber } from '../../../src/infra/logging/logger.ts';

const event = 'service.note';

type Line = Record<string, unknown>;

/** A logger that keeps its lines and checks that each is one JSON object. */
function capturing(level = 'info') {
  const lines: Line[] = [];
  const texts: string[] = [];
  const logger = createLogger(level, {
    write(text: string) {
      expect(text).to.match(/^\{.*\}\n$/);
      texts.push(text);
      lines.push(JSON.parse(text) as Line);
    },
  });
  return { logger, lines, texts };
}

describe('The log', () => {
  it('writes a line with level, time, event and the given fields', () => {
    const { logger, lines } = capturing();
    logger.warn({ event: 'http.request', traceId: 'abc', agentId: 'support' }, 'slow');
    expect(lines).to.have.length(1);
    expect(lines[0]).to.include({
      level: 'warn',
      event: 'http.request',
      traceId: 'abc',
      agentId: 'support',
      msg: 'slow',
    });
    expect(new Date(String(lines[0]?.time)).toISOString()).to.equal(lines[0]?.time);
    expect(lines[0]).not.to.have.any.keys('pid', 'hostname');
  });

  it('gives every line an event', () => {
    const { logger, lines } = capturing();
    logger.info('hello');
    expect(lines[0]).to.include({ event: 'service.note', msg: 'hello' });
  });

  it('writes nothing below its level', () => {
    const { logger, lines } = capturing('error');
    logger.warn('no');
    expect(lines).to.deep.equal([]);
  });

  const secret = 'hunter2-hunter2';
  for (const name of [
    'authorization',
    'apikey',
    'apiKey',
    'api_key',
    'openai_api_key',
    'token',
    'password',
    'qr',
    'data',
    'body',
    'text',
    'caption',
    'reply',
    'message',
  ])
    it(`leaves out ${name}`, () => {
      const { logger, texts } = capturing();
      logger.info({ event, [name]: secret });
      if (name !== 'message') {
        logger.info({ event, request: { [name]: secret } });
        logger.info({ event, request: { headers: { [name]: secret } } });
      }
      expect(texts.join('')).to.contain(name).and.not.contain(secret);
    });

  for (const text of [
    `asked with Authorization: Bearer ${secret}`,
    `{"headers":"bearer ${secret}"}`,
    `data:image/png;base64,${secret}`,
    `postgres://me:${secret}@db.example/dev_ai`,
    `the key sk-${secret} is wrong`,
  ])
    it(`scrubs ${text.replace(secret, '…')}, in a message, a field and an error`, () => {
      const { logger, texts } = capturing();
      logger.info({ event, note: text }, text);
      logger.error({ event, err: new Error(text, { cause: new Error(text) }) });
      expect(texts).to.have.length(2);
      expect(texts.join('')).to.contain('[redacted]').and.not.contain(secret);
    });

  it('masks the number of every JID', () => {
    const { logger, texts } = capturing('debug');
    logger.error({ event, err: new Error('invalid wid 6281234567890@c.us') }, 'true_6281234567890@c.us_3EB0');
    expect(texts.join('')).to.contain('628********90@c.us').and.not.contain('6281234567890');
  });

  it('writes an error’s type, code, message, stack and causes, and none of its other fields', () => {
    const { logger, lines, texts } = capturing();
    const cause = Object.assign(new Error('socket hang up'), { options: { headers: { key: secret } } });
    const error = Object.assign(new GatewayError('BAD_GATEWAY', 'It failed.', { cause }), { row: secret });
    logger.error({ event, err: error });
    expect(lines[0]?.err).to.include({ type: 'GatewayError', code: 'BAD_GATEWAY' });
    expect(texts[0]).to.contain('socket hang up').and.not.contain(secret);
  });

  it('accepts a bare string as an error', () => {
    const { logger, lines } = capturing();
    logger.error({ event, err: 'auth timeout' });
    expect(lines[0]?.err).to.equal('auth timeout');
  });

  it('writes texts with line breaks in one line', () => {
    const { logger, lines } = capturing();
    logger.info({ event, note: '"}\n{"level":"fatal"' }, 'a\nb');
    expect(lines).to.have.length(1);
    expect(lines[0]?.note).to.equal('"}\n{"level":"fatal"');
  });

  for (const [number, masked] of [
    ['6281234567890', '628********90'],
    ['+6281234567890@c.us', '+628********90@c.us'],
    ['123456', '123*56'],
    ['12345', '12345'],
  ] as const)
    it(`masks ${number} as ${masked}`, () => {
      expect(maskNumber(number)).to.equal(masked);
    });
});
