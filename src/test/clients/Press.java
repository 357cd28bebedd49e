import java.util.UUID;

import org.openapitools.client.ApiClient;
import org.openapitools.client.ApiException;
import org.openapitools.client.api.ActionsApi;
import org.openapitools.client.api.RunsApi;
import org.openapitools.client.model.Action;
import org.openapitools.client.model.ActionDraft;
import org.openapitools.client.model.ActionPage;
import org.openapitools.client.model.EntityKind;
import org.openapitools.client.model.EntityType;
import org.openapitools.client.model.Run;
import org.openapitools.client.model.RunState;
import org.openapitools.client.model.Target;

/** Creates, presses and reads a run with the Java client that openapi-generator writes. */
public class Press {

    public static void main(String[] arguments) throws ApiException {
        String url = System.getenv("KITSU_URL");
        ApiClient kitsu = new ApiClient();
        kitsu.setBasePath(url);
        kitsu.setBearerToken(System.getenv("TOKEN"));
        ActionsApi actions = new ActionsApi(kitsu);
        RunsApi runs = new RunsApi(kitsu);
        UUID shot = UUID.fromString("63f8a332-e209-4f8c-b384-747d5eda4b57");

        Action action = actions.createAction(new ActionDraft().name("Submit to farm")
                .url(url + "/api/custom-actions/echo?shot={entity_id}").entityType(EntityType.SHOT).isAjax(true));
        ActionPage listed = actions.listActions(null, true, EntityType.SHOT, null, "farm", null);
        check(listed.getData().contains(action) && listed.getNext() == null, listed);

        Run pressed = runs.runAction(action.getId(), new org.openapitools.client.model.Press()
                .addTargetsItem(new Target().entityId(shot).entityType(EntityKind.SHOT)), null, "wait=10");
        Run run = runs.getRun(pressed.getId(), null, null, null);
        check(run.getState() == RunState.SUCCEEDED && run.getCounts().getDelivered() == 1, run);
        check(run.getDeliveries().get(0).getResponse().contains("echo?shot=" + shot), run);

        try {
            actions.createAction(new ActionDraft().name("Nobody").url("https://api.studio.com/{nobody}"));
            throw new AssertionError("a variable that does not exist was taken");
        } catch (ApiException refused) {
            check(refused.getCode() == 400 && refused.getResponseBody().contains("nobody"), refused);
        }
        actions.deleteAction(action.getId(), null);
    }

    private static void check(boolean holds, Object what) {
        if (!holds) {
            throw new AssertionError(what);
        }
    }
}
