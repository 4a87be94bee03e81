// nodemailer with a pool of connections and nunjucks: renders each mail and sends it, with no record of it. Job on standard input.
const nodemailer = require("nodemailer");
const nunjucks = require("nunjucks");

const job = JSON.parse(require("fs").readFileSync(0, "utf8"));
const html = nunjucks.compile(job.html, new nunjucks.Environment(null, { autoescape: true }));
const text = nunjucks.compile(job.text, new nunjucks.Environment(null, { autoescape: false }));
const transport = nodemailer.createTransport({
  host: "127.0.0.1",
  port: job.port,
  ignoreTLS: true,
  pool: true,
  maxConnections: job.connections,
  maxMessages: Infinity,
});

let next = 0;
let sent = 0;

async function sender() {
  while (next < job.mails) {
    const number = next++;
    const words = { given_name: "Zoé", token: String(number).padStart(44, "0") };
    await transport.sendMail({
      from: job.sender,
      to: `person${number}@example.com`,
      subject: job.subject,
      text: text.render(words),
      html: html.render(words),
    });
    sent++;
  }
}

(async () => {
  const began = process.hrtime.bigint();
  await Promise.all(Array.from({ length: 2 * job.connections }, sender));
  const seconds = Number(process.hrtime.bigint() - began) / 1e9;
  transport.close();
  console.log(JSON.stringify({ mails: sent, seconds, version: require("nodemailer/package.json").version }));
})();
