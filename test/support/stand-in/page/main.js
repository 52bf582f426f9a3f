import { requireModule } from './modules.js';
import { start } from './session.js';

// What whatsapp-web.js looks for on the page. The version is none that it would cache.
window.require = requireModule;
window.Debug = { VERSION: '2.3000.1999999999-stand-in' };

await start();
