/** Which build this page is: the server's `Switches`. Open pages are sent the changes. */
export const switches = await (await fetch('/switches')).json();
