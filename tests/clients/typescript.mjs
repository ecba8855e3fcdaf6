// Lists the tools and makes the calls it is given, through the TypeScript SDK.
// Argument: {"target": URL or command line, "mode": versionNegotiation mode, "calls": [{"tool", "arguments"}]}, as JSON.
// Prints {"version", "tools", "results"} as JSON.
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";

const { target, mode, calls } = JSON.parse(process.argv[2]);
const transport = Array.isArray(target)
  ? new StdioClientTransport({ command: target[0], args: target.slice(1), stderr: "ignore" })
  : new StreamableHTTPClientTransport(new URL(target));
const client = new Client({ name: "typescript", version: "1" }, { versionNegotiation: { mode } });

await client.connect(transport);
const { tools } = await client.listTools();
const results = [];
for (const call of calls) {
  results.push(await client.callTool({ name: call.tool, arguments: call.arguments }));
}
const version = client.getNegotiatedProtocolVersion();
await client.close();
console.log(JSON.stringify({ version, tools: tools.map((tool) => tool.name), results }));
