package studio.actions.run;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;

import studio.actions.testing.Api;
import studio.actions.testing.Receiver;
import studio.actions.testing.Services;

@QuarkusTest
@WithTestResource(Services.class)
class RunTest {

    private final Receiver receiver = Receiver.shared();

    @Test
    void deliversOneRequestPerEntity() {
        String action = Api.ajax(receiver.url("/one/ok?e={entity_id}"));

        var run = Api.press(action);

        assertThat(run.getString("state")).isEqualTo("succeeded");
        assertThat(receiver.heard("one")).hasSize(1);
    }
}
