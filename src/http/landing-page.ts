/** The page at `/`: plain HTML, no build, nothing loaded from elsewhere. `{{version}}` is filled in. */
export const LANDING_PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Varve</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
  input { font: inherit; width: 100%; box-sizing: border-box; padding: .4rem; font-family: monospace; }
  table { border-collapse: collapse; width: 100%; margin-top: 1rem; font: 14px/1.4 monospace; }
  td { border-bottom: 1px solid #8884; padding: .2rem .5rem; overflow-wrap: anywhere; }
  td:last-child { text-align: right; white-space: nowrap; }
  #message { color: #b00; min-height: 1.5em; white-space: pre-wrap; }
  :root { color-scheme: light dark; }
</style>
<h1>Varve {{version}}</h1>
<p>Long-term storage for Prometheus Remote Write. Senders push to <code>/api/v1/write</code>; Grafana reads from
this address as from a Prometheus data source.</p>
<p><a href="/metrics">metrics</a> · <a href="/-/ready">ready</a> ·
<a href="/api/v1/status/flags">flags</a> · <a href="/api/v1/status/runtimeinfo">runtime</a> ·
<a href="/api/v1/labels">labels</a></p>
<form><input name="query" placeholder="PromQL, then Enter" autofocus autocomplete="off" spellcheck="false"></form>
<div id="message" role="status"></div>
<table><tbody></tbody></table>
<script>
const form = document.querySelector("form");
const message = document.querySelector("#message");
const rows = document.querySelector("tbody");
const name = ({ __name__ = "", ...rest }) => {
  const labels = Object.entries(rest).map(([k, v]) => k + "=" + JSON.stringify(v)).join(", ");
  return labels === "" ? __name__ || "{}" : __name__ + "{" + labels + "}";
};
const show = (cells) => {
  const row = rows.insertRow();
  for (const text of cells) row.insertCell().textContent = text;
};
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  rows.replaceChildren();
  message.textContent = "…";
  try {
    const answer = await fetch("/api/v1/query", { method: "POST", body: new URLSearchParams(new FormData(form)) });
    const body = answer.headers.get("content-type").includes("json") ? await answer.json() : { error: await answer.text() };
    if (body.status !== "success") throw new Error(body.error);
    const { resultType, result } = body.data;
    if (resultType === "scalar" || resultType === "string") show([resultType, result[1]]);
    else for (const s of result.slice(0, 1000)) {
      const last = s.value ?? s.values?.at(-1) ?? s.histogram ?? s.histograms?.at(-1);
      show([name(s.metric), typeof last[1] === "string" ? last[1] : "histogram, count " + last[1].count]);
    }
    message.textContent = rows.rows.length === 0 ? "no series" : "";
  } catch (error) {
    message.textContent = error.message;
  }
});
</script>
</html>
`;
