import type { ErrorCode } from './errors.ts';

type Texts = Record<string, string | ((...values: never[]) => string)>;

/**
 * Every message of a `GatewayError`, by code: callers read it in `error.message`, operators in the log. The examples of
 * the OpenAPI documents are made from these. None holds a secret, a phone number or a text of a message.
 *
 * @example new GatewayError('SESSION_NOT_READY', TEXTS.SESSION_NOT_READY.notConnected('awaiting_qr'))
 */
export const TEXTS = {
  INVALID_PAYLOAD: {
    seeDetails: 'The request is not valid; see details.',
    bodyMissing: 'A JSON body is required.',
    notJson: 'The body is not valid JSON.',
    pathEncoding: 'The path could not be decoded.',
    unreadable: 'The request could not be read.',
    tooSlow: 'The request took too long to arrive.',
    notHttp: 'The request is not valid HTTP.',
    wrongHost: 'The Host header is not a name of this service; see APP_BASE_URL.',
    crossSite: 'Requests of other sites are not allowed to change anything; see CORS_ORIGINS.',
    notBase64: 'The data is neither base64 nor a base64 data URL.',
    noApiKey: 'The user has no active API key, and the request has no apikey.',
    pageEnd: 'must be `next` of the page before',
    address: 'must be a phone number or a WhatsApp address: 08…, +62…, 62…, …@c.us, …@g.us or …@lid',
    ambiguousNumber: (home: string, abroad: string | undefined) =>
      `could be a number of two countries: write +${home}… or +${abroad}…`,
    typeNotSendable: (type: string) => `WhatsApp Web can't send messages of type ${type}.`,
    notEditable: 'Only texts and captions can be edited.',
    folderName: 'The agentId is not a folder name.',
    formIncomplete: 'The form is incomplete or malformed.',
    cutOff: 'The upload was cut off.',
    webhookUrl: 'must be an http or https URL without credentials that does not lead to a private address',
    tooManyWebhooks: (most: number) => `An agent has at most ${most} webhooks.`,
    unusableKeys: (userId: number, count: number) =>
      `api_keys has ${count} active keys of user ${userId} that no request can present; they are skipped. A key is ` +
      '1 to 4,096 visible ASCII characters, without blanks or line breaks.',
  },
  UNAUTHORIZED: { keyRequired: 'A valid Bearer key is required.' },
  SESSION_NOT_FOUND: {
    noAgent: 'There is no such agent.',
    deleted: 'The agent was deleted.',
  },
  NOT_FOUND: {
    path: 'There is no such path.',
    message: 'The agent has no such message.',
    quote: 'The quoted message was not found in this chat.',
    target: 'The message was not found in this chat.',
    chat: 'The account has no such chat.',
    image: 'There is no such image.',
    file: 'There is no such file.',
    webhook: 'The agent has no such webhook.',
    delivery: 'The webhook has no such delivery.',
  },
  METHOD_NOT_ALLOWED: {
    allowed: (methods: string) => `Method not allowed; allowed: ${methods}.`,
  },
  REACHOUT_TIMELOCKED: {
    refused: 'WhatsApp does not let this account write to people who never wrote to it, for now.',
  },
  MESSAGE_CAPPED: {
    refused: 'This account has used up the new chats that WhatsApp allows it, for now.',
  },
  LINK_INVALID: { link: 'The link is not valid, or has expired.' },
  NOT_OWN_MESSAGE: { author: 'Only own messages can be edited or deleted.' },
  AGENT_ID_TAKEN: { otherUser: 'The agentId belongs to another user.' },
  ACCOUNT_CHANGED: { meanwhile: 'Another number was linked while the message was waiting.' },
  SESSION_NOT_READY: {
    notConnected: (status: string) => `The agent is not connected: it is ${status}.`,
    noQr: 'There is no QR to scan now.',
    noQrToReplace: 'A pairing code replaces a QR, and there is none now.',
    agentLinked: 'The agent is linked already.',
    numberLinked: 'The number is linked to an agent of this service already.',
    noPasskey: 'WhatsApp does not ask for a passkey.',
    noChallenge: 'The page has no challenge for the passkey yet.',
    wrongStep: 'The session is not waiting for this.',
    noClient: 'The session has no client.',
    noPhone: 'This agent is not linked to a phone of the sandbox.',
    elsewhere: 'Agents are created and deleted at the services that use this WhatsApp.',
  },
  CHAT_HANDED_OVER: { dropped: 'A person has the chat, or it is closed: the reply of the AI was not sent.' },
  TOO_LATE: { windows: 'WhatsApp takes edits for 15 minutes and deletions for about two days.' },
  WITHDRAWN: { whileQueued: 'The message was deleted while it was waiting; it is not sent.' },
  IDEMPOTENCY_CONFLICT: {
    inFlight: 'A request with this key is still being processed.',
    otherBody: 'This key was used with another body.',
  },
  MEDIA_TOO_LARGE: {
    bytes: (limit: number) => `The file exceeds ${limit} bytes.`,
    pixels: (megapixels: number) => `The image has more than ${megapixels} megapixels.`,
  },
  PAYLOAD_TOO_LARGE: {
    bytes: (limit: number) => `The body exceeds ${limit} bytes.`,
    file: (limit: number) => `The file has more than ${limit} bytes.`,
  },
  UNSUPPORTED_MEDIA_TYPE: {
    contentType: (type: string) => `The Content-Type must be ${type}.`,
    encoding: 'The body must be uncompressed JSON in UTF-8.',
    upload: 'The body must be a form (multipart/form-data), or the bytes of the file, uncompressed.',
    notAnImage: 'The media is not a PNG, JPEG, GIF or WebP image.',
    format: (found: string, kind: string, accepted: readonly string[]) =>
      `A file of type ${found} can't be sent as ${kind}; accepted: ${accepted.join(', ')}.`,
    noAudio: 'The file has no audio that can be read.',
    noFfmpeg:
      'A voice note has to be Ogg with Opus: install ffmpeg (FFMPEG_PATH) to have other audio converted.',
  },
  RANGE_NOT_SATISFIABLE: { size: (bytes: number) => `The file has ${bytes} bytes.` },
  RECIPIENT_NOT_ON_WHATSAPP: { noAccount: 'The number has no WhatsApp account.' },
  RATE_LIMITED: {
    mailboxFull: (capacity: number) => `The mailbox is full: ${capacity} messages are waiting.`,
    uploads: 'Too many uploads at once; try again in a moment.',
    downloads: 'Too many files of this agent are being downloaded; try again in a moment.',
    phoneReads: 'Too many reads of this agent at once; try again in a moment.',
    storeFull: 'Files of queued messages fill the store; try again later.',
    wrongKeys: 'Too many wrong keys came from this address.',
    starts: 'Too many sessions were started from this address.',
    streams: 'Too many event streams are open; close some first.',
    ownStreams: 'Too many event streams are open from this address; close some first.',
  },
  MEDIA_URL_BLOCKED: {
    // One text for all, so that the answers don't map the internal network.
    blocked: 'The media URL must be http or https, without credentials, and lead to a public address.',
  },
  MEDIA_FETCH_FAILED: {
    status: (status: number) => `The media URL answered ${status}.`,
    redirects: (most: number) => `The media URL redirects more than ${most} times.`,
    tooSlow: 'The media URL answered too slowly.',
    unreadable: 'The media URL could not be read.',
    empty: 'The media URL gave an empty file.',
    notDownloaded: 'WhatsApp did not give the file.',
    downloadTooSlow: 'WhatsApp gave the file too slowly.',
  },
  BAD_GATEWAY: {
    refused: 'WhatsApp refused the message.',
    notAcknowledged: 'WhatsApp did not acknowledge the message in time.',
    sendFailed: 'WhatsApp failed the send.',
    endedBeforeSend: 'The session ended before the message was sent.',
    endedBeforeAck: 'The session ended before WhatsApp acknowledged the message.',
    noChat: 'WhatsApp has no such chat.',
    addressRefused: 'WhatsApp does not take this address.',
    passkeyRefused: 'WhatsApp did not accept the passkey.',
    pageChanged: 'WhatsApp Web has changed: what this send needs is missing from its page.',
    fileUnreadable: 'The file could not be read.',
    noAnswer: 'WhatsApp did not answer in time.',
    callFailed: 'WhatsApp failed the call.',
    queryFailed: (query: string) => `WhatsApp did not answer (${query}).`,
    tooLong: (operation: string) => `${operation} took too long.`,
    overDeadline: (operation: string, ms: number) => `${operation} took over ${ms} ms.`,
    probeUnanswered: 'The page did not answer the probe.',
    reloadTimeout: 'The page did not reload in time.',
    noClient: 'The client is closed.',
    noPage: 'The client has no page.',
    notRunning: 'The session is not running.',
  },
  AI_DOWNSTREAM_ERROR: {
    status: (status: number) => `The AI backend answered ${status}.`,
    unreachable: 'The AI backend could not be reached.',
    cancelled: 'The call to the AI backend was cancelled.',
    tooLarge: 'The answer of the AI backend exceeds 1 MB.',
    notUtf8: 'The answer of the AI backend is not UTF-8.',
    noReply: 'The AI backend did not answer with a JSON object whose reply is a text.',
    invalid: (path: string, reason: string) =>
      `The answer of the AI backend is not valid: ${path} ${reason}.`,
    file: (path: string, reason: string) => `A message of the AI backend can't be sent: ${path}: ${reason}`,
    notConfigured: "No AI backend is configured: set AI_BACKEND_URL or the agent's own URL.",
    badUrl: 'The URL of the AI backend is not a valid http or https URL.',
    credentials: 'The URL of the AI backend must not hold credentials.',
    forbiddenAddress: 'The URL of the AI backend leads to a link-local or metadata address.',
  },
  SESSION_START_FAILED: {
    reason: (reason: string) => `The session could not be started: ${reason}.`,
    client: (error: string) => `The client could not be started: ${error}`,
    ended: (cause: string) => `${cause}.`,
    cancelled: 'The start was cancelled.',
    maxSessions: 'There are as many sessions as MAX_SESSIONS allows.',
    pageChanged: (missing: string[]) => `WhatsApp Web has changed: its page lacks ${missing.join(', ')}.`,
    noNetwork: 'The simulated WhatsApp at SANDBOX_URL does not answer.',
    noChromium:
      'No Chromium or Chrome was found: install one (apt install chromium), or set PUPPETEER_EXECUTABLE_PATH.',
    notExecutable: 'PUPPETEER_EXECUTABLE_PATH is not the path of a program that can be run.',
    authFolder: 'The auth folder of the agent is not a folder.',
  },
  SHUTTING_DOWN: {
    service: 'The service is stopping.',
    agent: 'The agent is stopping.',
  },
  DATABASE_UNAVAILABLE: {
    unreachable: (state = '') => `The database can't be reached${state && ` (${state})`}.`,
    notReady: (dependencies: string[]) => `Not ready: ${dependencies.join(', ')}.`,
  },
  AI_TIMEOUT: { tooSlow: 'The AI backend took too long.' },
  EXPIRED: { tooLate: 'The message could not be sent in time.' },
  INTERNAL: {
    bug: 'Something went wrong on our side; the trace id finds it in the log.',
    refusedQuery: (operation: string, state = '') =>
      `The database refused ${operation}${state && ` (${state})`}.`,
    fileNotStored: 'The file could not be stored.',
    previewNotWritten: 'The preview could not be written.',
    agentsNotStopped: 'Not all agents stopped in time.',
    clientNotStopped: 'The client did not stop in time.',
    claimTaken: 'Another process answers a message that this is the answer to.',
  },
} as const satisfies Record<ErrorCode, Texts>;
