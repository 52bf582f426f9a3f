// Chromium comes from the system: nothing is ever downloaded at install.
module.exports = { skipDownload: true };
