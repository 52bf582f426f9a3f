import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

/** A path inside this folder. */
const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

// The browser pages, as static files that Express serves: HTML by name, the rest below /web/assets.
export default defineConfig({
  root: here('.'),
  base: '/web/',
  build: {
    outDir: here('../dist/web'),
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rollupOptions: { input: { inspector: here('inspector/index.html'), phone: here('phone/index.html') } },
  },
});
