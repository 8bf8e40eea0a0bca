// Probot 14, as its documentation has it, logging off. PEER_ACTS=1: read the issue and comment; else do nothing.
import { createServer } from "node:http";
import { createNodeMiddleware, createProbot, ProbotOctokit } from "probot";

const silent = () => {};
const log = { trace: silent, debug: silent, info: silent, warn: silent, error: silent, fatal: silent };
log.child = () => log;

const app = (probot) => {
  probot.on("issues.labeled", async (context) => {
    if (process.env.PEER_ACTS !== "1") return;
    const issue = await context.octokit.request("GET /repos/{owner}/{repo}/issues/{issue_number}", {
      ...context.repo(), issue_number: context.payload.issue.number,
    });
    await context.octokit.request("POST /repos/{owner}/{repo}/issues/{issue_number}/comments", {
      ...context.repo(), issue_number: issue.data.number, body: "Support has not seen this yet.",
    });
  });
};

// Its own pacing would hold each comment back for three seconds.
const unpaced = { throttle: { enabled: false }, retry: { enabled: false } };
const Octokit = ProbotOctokit.defaults((given) => ({ ...given, ...unpaced }));
const probot = createProbot({
  overrides: {
    githubToken: process.env.PEER_TOKEN || "none",
    secret: process.env.PEER_SECRET,
    baseUrl: process.env.PEER_API || undefined,
    log, Octokit,
  },
});
const middleware = await createNodeMiddleware(app, { probot, webhooksPath: "/webhooks/github" });
createServer((request, response) => middleware(request, response)).listen(Number(process.env.PORT), "127.0.0.1");
