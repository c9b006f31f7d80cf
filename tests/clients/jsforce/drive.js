// Drives the simulated org with jsforce. Reports a line of JSON for each check: what was checked, whether it
// holds, and what was seen instead.
'use strict';

const settings = JSON.parse(process.env.CLIENT_SETTINGS);

function check(text, holds, seen) {
  console.log(JSON.stringify(holds ? { check: text, holds: true } : { check: text, holds: false, seen }));
}

/** Checks that jsforce raises an error under the org's code. */
async function refused(text, code, act) {
  try {
    const seen = await act();
    check(text, false, `no error, but ${JSON.stringify(seen)}`);
  } catch (error) {
    check(text, error.name === code, `${error.name}: ${error.message}`);
  }
}

/** Pulls a lever of the org's control plane. */
async function control(path, body = {}) {
  const answer = await fetch(`${settings.instance}/__control/${path}`, { method: 'POST', body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
}

async function main() {
  const context = { settings, check, refused, control };
  const connection = await require('./logins')(context);
  for (const part of ['./records', './queries', './composites', './bulk', './errors']) {
    await require(part)(connection, context);
  }
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
