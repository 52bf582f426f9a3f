import { requireModule } from './modules.js';
import { start } from './session.js';
import { switches } from './switches.js';

const LATE_MS = 1_500;

/** Shows the build where whatsapp-web.js looks for it. */
function showVersion() {
  window.Debug = { VERSION: switches.webVersion };
}

if (switches.debug === 'first') {
  showVersion();
  await new Promise((resolve) => setTimeout(resolve, LATE_MS));
}
window.require = requireModule;
if (switches.debug === 'early') showVersion();
if (switches.debug === 'late') setTimeout(showVersion, LATE_MS);

await start();
