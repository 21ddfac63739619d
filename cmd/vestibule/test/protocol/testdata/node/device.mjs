// A device of openid-client, as its README shows it. It reads its settings from the first line of standard input, prints the
// address that its user is to open, waits for the user, and prints what it learned.
import './crypto.mjs'
import * as client from 'openid-client'
import { createInterface } from 'node:readline/promises'

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const print = (value) => process.stdout.write(JSON.stringify(value) + '\n')

const settings = JSON.parse((await lines.next()).value)
const config = await client.discovery(
  new URL(settings.issuer),
  settings.client,
  { id_token_signed_response_alg: settings.algorithm },
  client.None(),
  { execute: [client.allowInsecureRequests] },
)
const device = await client.initiateDeviceAuthorization(config, { scope: settings.scope })
print({ complete: device.verification_uri_complete })
const tokens = await client.pollDeviceAuthorizationGrant(config, device)
const claims = tokens.claims()
const userinfo = await client.fetchUserInfo(config, tokens.access_token, claims.sub)
const renewed = await client.refreshTokenGrant(config, tokens.refresh_token)
print({ claims, userinfo, renewed: renewed.claims() })
process.exit(0)
