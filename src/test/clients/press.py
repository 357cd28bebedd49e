import os

import gazu

kitsu = os.environ.get("KITSU_URL", "http://127.0.0.1:8080")
gazu.client.set_host(kitsu + "/api")
gazu.client.set_tokens({"access_token": os.environ["TOKEN"]})  # beside Kitsu: gazu.log_in(email, password)

shot = "63f8a332-e209-4f8c-b384-747d5eda4b57"


def checked(answer):
    # gazu raises what 400, 401, 403, 404, 405, 413, 422, 500 and 502 say, and returns any other problem as an answer.
    assert not answer.get("error"), answer["message"]
    return answer


action = checked(gazu.client.post("custom-actions", {
    "name": "Submit to farm",
    "url": kitsu + "/api/custom-actions/echo?shot={entity_id}",
    "entity_type": "shot",
    "is_ajax": True,
}))

pressed = checked(gazu.client.post("custom-actions/" + action["id"] + "/run", {
    "targets": [{"entity_id": shot, "entity_type": "shot"}],
}))

run = checked(gazu.client.get("custom-actions/runs/" + pressed["id"]))
assert run["state"] == "succeeded", run
assert run["counts"]["delivered"] == 1
assert "echo?shot=" + shot in run["deliveries"][0]["response"]

try:
    gazu.client.post("custom-actions", {"name": "Nobody", "url": "https://api.studio.com/{nobody}"})
    raise AssertionError("a variable that there is not was taken")
except gazu.exception.ParameterException as refused:
    assert "nobody" in str(refused), refused

gazu.client.delete("custom-actions/" + action["id"])
try:
    gazu.client.get("custom-actions/" + action["id"])
    raise AssertionError("it is still there")
except gazu.exception.RouteNotFoundException:
    pass
