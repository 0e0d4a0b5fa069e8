// Verifies license keys with jose, which the sign-in's packages bring along.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(new URL("../../signin/package.json", import.meta.url));
const jose = await import(pathToFileURL(require.resolve("jose")));

const { keys, jwks } = JSON.parse(readFileSync(process.argv[2], "utf8"));
const find = jose.createLocalJWKSet(jwks);
const options = { issuer: "qms-licensing", typ: "qms-license+jwt", algorithms: ["ES256"] };
let refused = 0;
for (const key of keys) {
  const { payload } = await jose.jwtVerify(key, find, options);
  if (!payload.jti || !payload.sub || !payload.seats) throw new Error("a claim is missing");
  const [header, claims, signature] = key.split(".");
  const changed = [header, claims, (signature[0] === "A" ? "B" : "A") + signature.slice(1)].join(".");
  await jose.jwtVerify(changed, find, options).then(
    () => { throw new Error("a changed key verified"); },
    (error) => { if (error.code === "ERR_JWS_SIGNATURE_VERIFICATION_FAILED") refused++; else throw error; },
  );
}
console.log(`${keys.length} verified, ${refused} changed ones refused`);
