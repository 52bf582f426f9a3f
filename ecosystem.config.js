// pm2: one process, many agents. `pm2 start ecosystem.config.js`
// A named export: pm2 reads `apps` off what it requires, and this package's files are ES modules.
export const apps = [
  {
    name: 'whatsapp-gateway',
    script: 'dist/main.js',
    exec_mode: 'fork',
    instances: 1,
    // Signals go to the service alone: it closes its browsers after the drain.
    treekill: false,
    // Above SHUTDOWN_GRACE_MS, so that the drain ends by itself.
    kill_timeout: 35000,
    wait_ready: true,
    listen_timeout: 60000,
    restart_delay: 2000,
    // A bad configuration does not get better by trying again.
    stop_exit_codes: [78],
    env: { NODE_ENV: 'production' },
  },
];
