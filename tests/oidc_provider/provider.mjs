// The certified OpenID provider `oidc-provider` on a free port of 127.0.0.1, with people who sign in by their name alone.
//
// node provider.mjs MODULE CERTIFICATE CLIENT: CLIENT is the JSON of our registration. Prints its issuer once it answers, and runs
// until its input ends.
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import { pathToFileURL } from "node:url";

const [modulePath, certificateFile, client] = process.argv.slice(2);
const { default: Provider } = await import(pathToFileURL(modulePath));
const pem = readFileSync(certificateFile);

const PEOPLE = {
  olga: { name: "Olga Officer", email: "olga@example.com", roles: ["Notifier.Officer"] },
  victor: { name: "Victor Viewer", email: "victor@example.com", roles: ["Notifier.Viewer", "Other.Admin"] },
  nemo: { name: "Nemo", email: "nemo@example.com", roles: [] },
};

const server = createServer({ key: pem, cert: pem });
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const issuer = `https://localhost:${server.address().port}`;

const provider = new Provider(issuer, {
  clients: [{ grant_types: ["authorization_code"], response_types: ["code"], ...JSON.parse(client) }],
  claims: { openid: ["sub"], profile: ["name", "roles"], email: ["email", "email_verified"] },
  conformIdTokenClaims: false, // claims stand in the ID token itself
  pkce: { required: () => true },
  cookies: { keys: ["a key for cookies of this test"] },
  features: { devInteractions: { enabled: false } },
  interactions: { url: (_ctx, interaction) => `/people/${interaction.uid}` },
  findAccount: (_ctx, id) => ({ accountId: id, claims: () => ({ sub: id, email_verified: false, ...PEOPLE[id] }) }),
  async loadExistingGrant(ctx) {
    const { client: asked, session } = ctx.oidc;
    const grant = new ctx.oidc.provider.Grant({ clientId: asked.clientId, accountId: session.accountId });
    grant.addOIDCScope("openid profile");
    await grant.save();
    return grant;
  },
});

const callback = provider.callback();
server.on("request", async (request, response) => {
  if (!request.url.startsWith("/people/")) return callback(request, response);
  if (request.method === "POST") {
    let body = "";
    for await (const chunk of request) body += chunk;
    const who = new URLSearchParams(body).get("who");
    const said = who === "nobody" ? { error: "access_denied" } : { login: { accountId: who } };
    return provider.interactionFinished(request, response, said);
  }
  response.setHeader("Content-Type", "text/html");
  const buttons = [...Object.keys(PEOPLE), "nobody"].map((who) => `<button name="who" value="${who}">${who}</button>`);
  response.end(`<!doctype html><title>Who are you?</title><form method="post">${buttons.join("")}</form>`);
});

console.log(issuer);
process.stdin.on("end", () => process.exit(0)).resume();
