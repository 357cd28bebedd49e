package studio.actions;

import org.junit.platform.suite.api.IncludePackages;
import org.junit.platform.suite.api.SelectPackages;
import org.junit.platform.suite.api.Suite;

/** Half of the class tests. Surefire runs them in a process of their own, in parallel with {@link KitsuSuite}. */
@Suite
@SelectPackages("studio.actions")
@IncludePackages({ "studio.actions.database", "studio.actions.delivery", "studio.actions.http", "studio.actions.limit",
        "studio.actions.plan",
        "studio.actions.press", "studio.actions.problem", "studio.actions.run", "studio.actions.start",
        "studio.actions.statistics" })
class EngineSuite {
}
