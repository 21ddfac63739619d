// A relying party of openid-client, as its README shows it. It reads its settings from the first
// line of standard input, prints the address to sign in at, reads the address that the browser
// came back to, with the form that it brought there if it did, and prints what it learned.
import './crypto.mjs'
import * as client from 'openid-client'
import { createInterface } from 'node:readline/promises'

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const read = async () => JSON.parse((await lines.next()).value)
const print = (value) => process.stdout.write(JSON.stringify(value) + '\n')

const settings = await read()
const signing = settings.key && await (async (jwk) => ({
  kid: jwk.kid,
  key: await crypto.subtle.importKey('jwk', jwk, { name: jwk.kty === 'OKP' ? 'Ed25519' : 'ECDSA', namedCurve: jwk.crv }, false, ['sign']),
}))(JSON.parse(settings.key))
const authentication = {
  key: () => client.PrivateKeyJwt(signing),
  basic: client.ClientSecretBasic,
  post: client.ClientSecretPost,
  none: client.None,
}[settings.authentication](settings.secret)
const config = await client.discovery(
  new URL(settings.issuer),
  settings.client,
  { id_token_signed_response_alg: settings.algorithm },
  authentication,
  { execute: [client.allowInsecureRequests] },
)

const verifier = client.randomPKCECodeVerifier()
const state = client.randomState()
const nonce = client.randomNonce()
if (settings.signed) client.useJwtResponseMode(config)
const build = settings.signedRequest
  ? (config, parameters) => client.buildAuthorizationUrlWithJAR(config, parameters, signing)
  : settings.pushed ? client.buildAuthorizationUrlWithPAR : client.buildAuthorizationUrl
const address = await build(config, {
  redirect_uri: settings.redirect,
  scope: settings.scope,
  code_challenge: await client.calculatePKCECodeChallenge(verifier),
  code_challenge_method: 'S256',
  state,
  nonce,
  ...(settings.mode && { response_mode: settings.mode }),
  ...(settings.type && { response_type: settings.type }),
})
print({ address: address.href })

const back = await read()
const arrived = back.form
  ? new Request(back.address, { method: 'POST', body: new URLSearchParams(back.form) })
  : new URL(back.address)
if (settings.type === 'id_token') {
  client.useIdTokenResponseType(config)
  const claims = await client.implicitAuthentication(config, arrived, nonce, { expectedState: state })
  print({ claims })
  process.exit(0)
}
const tokens = await client.authorizationCodeGrant(config, arrived, {
  pkceCodeVerifier: verifier,
  expectedState: state,
  expectedNonce: nonce,
  idTokenExpected: true,
})
const claims = tokens.claims()
const userinfo = await client.fetchUserInfo(config, tokens.access_token, claims.sub)
const renewed = await client.refreshTokenGrant(config, tokens.refresh_token)
await client.tokenRevocation(config, renewed.access_token, { token_type_hint: 'access_token' })
await client.tokenRevocation(config, renewed.refresh_token)
const refused = await client.refreshTokenGrant(config, renewed.refresh_token).catch((error) => error.error)
print({ claims, userinfo, renewed: renewed.claims(), scope: tokens.scope, refused })
process.exit(0)
