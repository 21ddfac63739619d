// A relying party of openid-client that binds its tokens to a key, by the library's defaults. It reads its settings
// from the first line of standard input, prints the address to sign in at, reads the address that the browser came
// back to, and prints what it learned, and what it is told where it leaves the proof out or takes another key.
import './crypto.mjs'
import * as client from 'openid-client'
import { createInterface } from 'node:readline/promises'

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const read = async () => JSON.parse((await lines.next()).value)
const print = (value) => process.stdout.write(JSON.stringify(value) + '\n')
const refusal = (error) => error.error ?? error.cause?.[0]?.parameters?.error ?? String(error)

const settings = await read()
const authentication = { basic: client.ClientSecretBasic, none: client.None }[settings.authentication](settings.secret)
const config = await client.discovery(
  new URL(settings.issuer),
  settings.client,
  { id_token_signed_response_alg: settings.algorithm },
  authentication,
  { execute: [client.allowInsecureRequests] },
)
const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair())
const other = { DPoP: client.getDPoPHandle(config, await client.randomDPoPKeyPair('PS256')) }

const verifier = client.randomPKCECodeVerifier()
const [state, nonce] = [client.randomState(), client.randomNonce()]
const address = client.buildAuthorizationUrl(config, {
  redirect_uri: settings.redirect,
  scope: settings.scope,
  code_challenge: await client.calculatePKCECodeChallenge(verifier),
  code_challenge_method: 'S256',
  state,
  nonce,
  dpop_jkt: await DPoP.calculateThumbprint(),
})
print({ address: address.href })

const arrived = new URL((await read()).address)
const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true }
const stolenCode = await client.authorizationCodeGrant(config, arrived, checks, undefined, other).catch(refusal)
const tokens = await client.authorizationCodeGrant(config, arrived, checks, undefined, { DPoP })
const { sub } = tokens.claims()
const userinfo = await client.fetchUserInfo(config, tokens.access_token, sub, { DPoP })
const asBearer = await client.fetchUserInfo(config, tokens.access_token, sub).catch(refusal)
const otherKey = await client.fetchUserInfo(config, tokens.access_token, sub, other).catch(refusal)
const renewed = await client.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP })
const again = await client.fetchUserInfo(config, renewed.access_token, sub, { DPoP })
const stolenRefresh = await client.refreshTokenGrant(config, renewed.refresh_token, undefined, other).then((t) => t.token_type, refusal)
print({ type: tokens.token_type, sub, userinfo, again, stolenCode, asBearer, otherKey, stolenRefresh })
process.exit(0)
