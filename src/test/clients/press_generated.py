"""Creates, presses and reads a run with the Python client that openapi-generator writes."""

import os

from openapi_client import *

url = os.environ["KITSU_URL"]
kitsu = ApiClient(Configuration(host=url, access_token=os.environ["TOKEN"]))
actions, runs = ActionsApi(kitsu), RunsApi(kitsu)
shot = "63f8a332-e209-4f8c-b384-747d5eda4b57"

action = actions.create_action(ActionDraft(
    name="Submit to farm", url=url + "/api/custom-actions/echo?shot={entity_id}", entity_type="shot", is_ajax=True))
listed = actions.list_actions(entity_type="shot", q="farm")
assert action in listed.data and listed.next is None, listed

pressed = runs.run_action(action.id, Press(targets=[Target(entity_id=shot, entity_type="shot")]), prefer="wait=10")
run = runs.get_run(pressed.id)
assert run.state == "succeeded" and run.counts.delivered == 1, run
assert "echo?shot=" + shot in run.deliveries[0].response, run

try:
    actions.create_action(ActionDraft(name="Nobody", url="https://api.studio.com/{nobody}"))
    raise AssertionError("a variable that does not exist was taken")
except ApiException as refused:
    assert refused.status == 400 and "nobody" in refused.body, refused

actions.delete_action(action.id)
