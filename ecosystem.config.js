// pm2: one process, many agents. `pm2 start ecosystem.config.js`; with `--env sandbox` on the simulated WhatsApp.
// A named export: pm2 reads `apps` off what it requires, and this package's files are ES modules.
export const apps = [
  {
    name: 'whatsapp-gateway',
    script: 'dist/main.js',
    // Room for the young objects of many requests at once: a message takes 7 % less CPU, an idle service no more memory.
    node_args: '--max-semi-space-size=32 --no-allocation-site-pretenuring --v8-pool-size=1',
    // The same folder for `.env`, `./data` and the logins, wherever pm2 is called from.
    cwd: import.meta.dirname,
    exec_mode: 'fork',
    instances: 1,
    // Signals go to the service alone: it closes its browsers after the drain.
    treekill: false,
    // Above SHUTDOWN_GRACE_MS, so that the drain ends by itself.
    kill_timeout: 35000,
    // `pm2 start` returns when the service is ready, or has ended.
    wait_ready: true,
    listen_timeout: 60000,
    // A start that failed is tried again for ever; without a delay pm2 would give up after 16 quick ones.
    restart_delay: 2000,
    // A bad configuration does not get better by trying again. pm2 then shows `waiting restart`, and doesn't.
    stop_exit_codes: [78],
    env: { NODE_ENV: 'production' },
    env_sandbox: { NODE_ENV: 'development', WHATSAPP_DRIVER: 'sandbox' },
  },
];
