// What links this browser to an account. IndexedDB with strict durability outlives a kill of the browser right
// after linking; localStorage is written lazily.

/** Opens the database. */
function open() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open('stand-in', 1);
    request.onupgradeneeded = () => request.result.createObjectStore('credentials');
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** Runs one request in a transaction of its own; resolves when that is on disk. */
async function run(mode, request) {
  const database = await open();
  try {
    return await new Promise((resolve, reject) => {
      const transaction = database.transaction('credentials', mode, { durability: 'strict' });
      const asked = request(transaction.objectStore('credentials'));
      transaction.oncomplete = () => resolve(asked.result);
      transaction.onerror = transaction.onabort = () => reject(transaction.error);
    });
  } finally {
    database.close();
  }
}

/** Warns and goes on: after a LOGOUT the library deletes the profile under the running browser. */
function withoutStorage(error) {
  console.warn('no storage', error);
  return null;
}

/** The saved token, or null. */
export async function loadToken() {
  return (await run('readonly', (store) => store.get('token')).catch(withoutStorage)) ?? null;
}

/** Keeps the token. */
export async function saveToken(token) {
  await run('readwrite', (store) => store.put(token, 'token')).catch(withoutStorage);
}

/** Forgets the token. */
export async function removeToken() {
  await run('readwrite', (store) => store.delete('token')).catch(withoutStorage);
}
