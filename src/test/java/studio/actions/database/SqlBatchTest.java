package studio.actions.database;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.List;
import java.util.UUID;

import jakarta.inject.Inject;

import org.junit.jupiter.api.Test;

import io.agroal.api.AgroalDataSource;
import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import studio.actions.testing.Services;

@QuarkusTest
@WithTestResource(Services.class)
class SqlBatchTest {

    private static final String INSERT = "INSERT INTO bucket (kind, subject, quota, seconds, tokens, pace, short, granted, at) "
            + "VALUES ('test', ?, 1, 60, 1, 1, false, 0, now())";

    @Inject
    AgroalDataSource database;

    private final String subject = UUID.randomUUID().toString();

    @Test
    void commitsWithTheLastStatement() {
        QuarkusTransaction.requiringNew().run(() -> {
            new SqlBatch().add(INSERT, List.of(subject)).sendAndCommit();

            assertThat(rows()).as("seen by another connection before the transaction ends").isEqualTo(1);
        });
    }

    @Test
    void commitsNothingBeforeTheEndOfTheTransactionOtherwise() {
        QuarkusTransaction.requiringNew().run(() -> {
            new SqlBatch().add(INSERT, List.of(subject)).send();

            assertThat(rows()).isZero();
        });
        assertThat(rows()).isEqualTo(1);
    }

    @Test
    void undoesTheWholeBatchIfOneStatementFails() {
        SqlBatch failing = new SqlBatch().add(INSERT, List.of(subject)).add("SELECT 1 / ?", List.of(0));

        assertThatThrownBy(() -> QuarkusTransaction.requiringNew().run(failing::sendAndCommit))
                .hasMessageContaining("division");

        assertThat(rows()).isZero();
    }

    @Test
    void keepsThePlansOfAllItsStatements() {
        String mode = QuarkusTransaction.requiringNew()
                .call(() -> new SqlBatch().add("SHOW plan_cache_mode", List.of()).ask(SqlBatchTest::text));

        assertThat(mode).isEqualTo("force_generic_plan");
        assertThat(new SqlBatch().add("SHOW plan_cache_mode", List.of()).ask(database, SqlBatchTest::text))
                .isEqualTo("force_generic_plan");
    }

    private static String text(SqlBatch.Answers answers) throws SQLException {
        ResultSet found = answers.of(0);
        found.next();
        return found.getString(1);
    }

    /** Counts on a connection outside of the open transaction. */
    private int rows() {
        return QuarkusTransaction.suspendingExisting()
                .call(() -> new SqlBatch()
                        .add("SELECT count(*) FROM bucket WHERE kind = 'test' AND subject = ?", List.of(subject))
                        .ask(database, answers -> {
                            ResultSet count = answers.of(0);
                            count.next();
                            return count.getInt(1);
                        }));
    }
}
