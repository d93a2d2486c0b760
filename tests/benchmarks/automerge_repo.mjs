// What `automerge_repo.py` measures: events through automerge-repo and its WebSocket adapters, in memory only.
//   node automerge_repo.mjs give EVENTS.json    serves a document for each session; prints {port, urls}, then its cost
//   node automerge_repo.mjs take EVENTS.json    starts the above, fetches all; prints {events, seconds, cpu, kib, giver}
// EVENTS.json: a list of sessions, each a list of turns, each a list of events (texts). One change for each turn.
import { readFileSync } from "node:fs"
import { spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { createServer } from "node:http"
import { ImmutableString } from "@automerge/automerge"
import { Repo } from "@automerge/automerge-repo"
import { WebSocketClientAdapter, WebSocketServerAdapter } from "@automerge/automerge-repo-network-websocket"
import { WebSocketServer } from "ws"

const cost = () => {
  const { user, system } = process.cpuUsage()
  return { cpu: (user + system) / 1e6, kib: process.resourceUsage().maxRSS }
}

const give = async sessions => {
  const http = createServer()
  await new Promise(done => http.listen(0, "127.0.0.1", done))
  const server = new WebSocketServer({ server: http })
  const repo = new Repo({ network: [new WebSocketServerAdapter(server)] })
  const urls = sessions.map(turns => {
    const handle = repo.create({ events: [] })
    for (const turn of turns) handle.change(doc => { doc.events.push(...turn.map(event => new ImmutableString(event))) })
    return handle.url
  })
  const before = cost()
  console.log(JSON.stringify({ port: http.address().port, urls }))
  process.stdin.resume()
  await new Promise(done => process.stdin.on("end", done))
  const now = cost()
  console.log(JSON.stringify({ cpu: now.cpu - before.cpu, kib: now.kib }))
  process.exit(0)
}

const take = async path => {
  const giver = spawn(process.execPath, [process.argv[1], "give", path], { stdio: ["pipe", "pipe", "inherit"] })
  const lines = createInterface({ input: giver.stdout })[Symbol.asyncIterator]()
  const { port, urls } = JSON.parse((await lines.next()).value)
  const before = cost()
  const begun = performance.now()
  const repo = new Repo({ network: [new WebSocketClientAdapter(`ws://127.0.0.1:${port}`)] })
  await new Promise(done => repo.networkSubsystem.once("peer", done))
  const handles = await Promise.all(urls.map(url => repo.find(url)))
  const events = handles.reduce((sum, handle) => sum + handle.doc().events.length, 0)
  const seconds = (performance.now() - begun) / 1000
  const now = cost()
  giver.stdin.end()
  const gave = JSON.parse((await lines.next()).value)
  console.log(JSON.stringify({ events, seconds, cpu: now.cpu - before.cpu, kib: now.kib, giver: gave }))
  process.exit(0)
}

const [, , side, path] = process.argv
if (side === "give") await give(JSON.parse(readFileSync(path)))
else await take(path)
