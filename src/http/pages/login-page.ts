import { webFile } from './web-files.ts';

const STYLE = `
main { max-width: 22rem; margin: 16vh auto 0; padding: 1.75rem; background: var(--surface);
  border: 1px solid var(--line); border-radius: var(--radius); }
@media (max-width: 25rem) { main { margin: 1rem; } }
aside { padding: .5rem 1rem; text-align: center; color: #fff; background: var(--sandbox); }
h1 { margin: 0 0 .25rem; font-size: 1.25rem; }
p { margin: 0 0 1.25rem; color: var(--ink-soft); }
p[role=alert] { color: var(--bad); font-weight: 600; }
label { display: block; margin-bottom: .35rem; font-weight: 600; }
input, button { width: 100%; padding: .6rem .75rem; font: inherit; border-radius: var(--radius); }
input { color: var(--ink); background: var(--page); border: 1px solid var(--ink-soft); }
button { margin-top: 1rem; border: 0; font-weight: 600; color: var(--surface); background: var(--accent); cursor: pointer; }
`;

/** Why the form is shown again. */
type LoginFault = 'wrong' | 'often';

const FAULTS: Record<LoginFault, string> = {
  wrong: 'That is not the token.',
  often: 'Too many failed attempts. Wait a minute.',
};

/** What the form depends on: where it leads (a path of this service), why it is shown again, what all pages say. */
export interface LoginView {
  to: string;
  fault: LoginFault | undefined;
  notice: string | undefined;
}

/** The log-in form, in the look of the pages; it works without any script. */
export async function loginPage({ to, fault, notice }: LoginView): Promise<string> {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Log in: WhatsApp gateway</title>
<link rel="icon" href="data:,">
<style>${await webFile('shared/theme.css')}${STYLE}</style>
</head>
<body>
${notice ? `<aside>${text(notice)}</aside>` : ''}
<main>
<h1>WhatsApp gateway</h1>
<p>Inspector and API docs are for those who know the token of this service (<code>SESSIONS_TOKEN</code>).</p>
${fault ? `<p role="alert">${FAULTS[fault]}</p>` : ''}
<form method="post" action="/login">
<input name="username" value="operator" autocomplete="username" hidden>
<label for="token">Token</label>
<input id="token" name="token" type="password" required autofocus autocomplete="current-password">
<input name="to" type="hidden" value="${text(to)}">
<button type="submit">Log in</button>
</form>
</main>
</body>
</html>
`;
}

/** Text as it may stand in HTML, in an attribute too. */
function text(plain: string): string {
  return plain.replace(/&/g, '&amp;').replace(/"/g, '&quot;').replace(/</g, '&lt;');
}
