// Creates, presses and reads a run with the TypeScript client that openapi-generator writes.
import assert from "node:assert/strict";
import { ActionsApi, Configuration, ResponseError, RunsApi } from "./client/index";

async function main() {
  const basePath = process.env.KITSU_URL!;
  const kitsu = new Configuration({ basePath, accessToken: process.env.TOKEN! });
  const actions = new ActionsApi(kitsu);
  const runs = new RunsApi(kitsu);
  const shot = "63f8a332-e209-4f8c-b384-747d5eda4b57";

  const action = await actions.createAction({
    actionDraft: {
      name: "Submit to farm",
      url: `${basePath}/api/custom-actions/echo?shot={entity_id}`,
      entityType: "shot",
      isAjax: true,
    },
  });
  const listed = await actions.listActions({ entityType: "shot", q: "farm" });
  assert(listed.data.some((one) => one.id === action.id));
  assert.equal(listed.next, null);

  const pressed = await runs.runAction({
    id: action.id,
    press: { targets: [{ entityId: shot, entityType: "shot" }] },
    prefer: "wait=10",
  });
  const run = await runs.getRun({ id: pressed.id });
  assert.equal(run.state, "succeeded");
  assert.equal(run.counts.delivered, 1);
  assert(run.deliveries?.[0].response?.includes(`echo?shot=${shot}`));

  await assert.rejects(
    actions.createAction({ actionDraft: { name: "Nobody", url: "https://api.studio.com/{nobody}" } }),
    (refused: unknown) => refused instanceof ResponseError && refused.response.status === 400,
  );
  await actions.deleteAction({ id: action.id });
}

main().catch((failure) => {
  console.error(failure);
  process.exitCode = 1;
});
