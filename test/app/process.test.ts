import { once } from 'node:events';
import { join } from 'node:path';
import { expect } from 'chai';
import { TEXTS } from '../../src/actors/domain/error-texts.ts';
import { processesIn } from '../support/processes.ts';
import { SandboxService } from '../support/sandbox-service.ts';

describe('a process that cannot start', () => {
  let service: SandboxService;

  beforeEach(async () => {
    service = await SandboxService.create();
  });
  afterEach(() => service.close());

  /** Starts it and waits for its exit; returns the exit code and the output. */
  async function failsWith(env: Record<string, string>) {
    const { child, output } = service.launch(env);
    const [code] = (await once(child, 'exit')) as [number | null];
    return { code, output: output() };
  }

  it('lists every fault of a bad configuration and exits with 78', async () => {
    const faults = { PORT: 'many', SEND_BURST: '0', AI_TIMEOUT_MS: 'soon', DB_URL: 'mysql://secret@host/db' };
    const { code, output } = await failsWith(faults);
    expect(code).to.equal(78);
    for (const name of Object.keys(faults)) expect(output).to.include(name);
    expect(output).not.to.include('secret');
  });

  it('exits with 1 when its port is in use, and leaves no database process', async () => {
    const other = await SandboxService.create();
    try {
      await other.up();
      const { code, output } = await failsWith({ PORT: new URL(other.url).port });
      expect(code).to.equal(1);
      expect(output).to.include('EADDRINUSE').and.not.to.include('service.stop_failed');
      expect(processesIn(service.dir)).to.deep.equal([]);
    } finally {
      await other.close();
    }
  });

  it('exits with 1 when another service uses its folders, and leaves that one running', async () => {
    const { child, output: outputOfFirst } = await service.up();
    const { code, output } = await failsWith({ PORT: '0' });
    expect(code).to.equal(1);
    expect(output).to.include(`${join(service.dir, 'data')} is used by process ${child.pid}`);
    const shared = { WHATSAPP_DRIVER: 'wwebjs', WWEBJS_AUTH_DIR: join(service.dir, 'data') };
    const apart = await failsWith({ ...shared, DATA_DIR: join(service.dir, 'other') });
    expect(apart.code).to.equal(1);
    expect(apart.output).to.include(`${shared.WWEBJS_AUTH_DIR} is used by process ${child.pid}`);
    expect(child.exitCode).to.equal(null);
    expect((await service.call('GET', '/readyz')).status, outputOfFirst()).to.equal(200);
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
  });

  it('refuses the sandbox in production', async () => {
    const { code, output } = await failsWith({ NODE_ENV: 'production' });
    expect(code).to.equal(1);
    expect(output).to.include('NODE_ENV=production');
  });

  it('refuses the sandbox beyond loopback', async () => {
    const { code, output } = await failsWith({ HOST: '0.0.0.0' });
    expect(code).to.equal(1);
    expect(output).to.include('loopback').and.to.include('SESSIONS_TOKEN');
  });
});

describe('the sandbox with SESSIONS_TOKEN', () => {
  it('may listen beyond loopback, and requires the token for its control API', async () => {
    const service = await SandboxService.create({ HOST: '0.0.0.0', SESSIONS_TOKEN: 'let-me-in' });
    try {
      await service.up();
      const { status, headers } = await service.call('GET', '/sandbox/phones');
      expect(status).to.equal(401);
      expect(headers.get('x-sandbox')).to.equal('true');
      const authorization = 'Bearer let-me-in';
      expect((await service.call('GET', '/sandbox/phones', undefined, { authorization })).status).to.equal(
        200,
      );
    } finally {
      await service.close();
    }
  });
});

describe('a process without a browser', () => {
  it('is ready, logs what is missing and answers it when a session is created', async () => {
    const env = { WHATSAPP_DRIVER: 'wwebjs', PUPPETEER_EXECUTABLE_PATH: '/no/chromium' };
    const service = await SandboxService.create(env);
    try {
      const { output } = await service.up();
      const missing = TEXTS.SESSION_START_FAILED.notExecutable;
      expect(output()).to.include(missing);
      const { status, body } = await service.createAgent('shop');
      expect(status).to.equal(503);
      expect(body.error).to.deep.include({ code: 'SESSION_START_FAILED', message: missing });
    } finally {
      await service.close();
    }
  });
});
