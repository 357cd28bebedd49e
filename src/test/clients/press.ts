import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { paths } from "./openapi.js";

const baseUrl = process.env.KITSU_URL ?? "http://127.0.0.1:8080";
const kitsu = createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${process.env.TOKEN}` } });

const shot = "63f8a332-e209-4f8c-b384-747d5eda4b57";

const { data: action, error } = await kitsu.POST("/api/custom-actions", {
  body: {
    name: "Submit to farm",
    url: `${baseUrl}/api/custom-actions/echo?shot={entity_id}`,
    entity_type: "shot",
    is_ajax: true,
  },
});
if (error) {
  assert.fail(error.message);
}
const path = { id: action.id };

const { data: listed } = await kitsu.GET("/api/custom-actions", { params: { query: { q: "farm" } } });
assert(listed?.data.some((one) => one.id === action.id));

const { data: audit } = await kitsu.GET("/api/custom-actions/audit", { params: { query: { subject: action.id } } });
assert.equal(audit?.data[0]?.verb, "created");

const { data: pressed, error: refusal } = await kitsu.POST("/api/custom-actions/{id}/run", {
  params: { path, header: { Prefer: "wait=10" } },
  body: { targets: [{ entity_id: shot, entity_type: "shot" }] },
});
if (refusal) {
  assert.fail(refusal.message);
}

const { data: run } = await kitsu.GET("/api/custom-actions/runs/{id}", { params: { path: { id: pressed.id } } });
assert.equal(run?.state, "succeeded");
assert.equal(run.counts?.delivered, 1);
assert(run.deliveries?.[0]?.response?.includes(`echo?shot=${shot}`));

const { error: problem, response } = await kitsu.POST("/api/custom-actions", {
  body: { name: "Nobody", url: "https://api.studio.com/{nobody}" },
});
assert.equal(response.status, 400);
assert.equal(problem?.errors?.[0]?.pointer, "/url");

const deleted = await kitsu.DELETE("/api/custom-actions/{id}", { params: { path } });
assert.equal(deleted.response.status, 204);
