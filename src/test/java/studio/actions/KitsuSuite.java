package studio.actions;

import org.junit.platform.suite.api.ExcludePackages;
import org.junit.platform.suite.api.SelectPackages;
import org.junit.platform.suite.api.Suite;

/** All class tests that are not in {@link EngineSuite}. */
@Suite
@SelectPackages("studio.actions")
@ExcludePackages({ "studio.actions.database", "studio.actions.delivery", "studio.actions.http", "studio.actions.limit",
        "studio.actions.plan",
        "studio.actions.press", "studio.actions.problem", "studio.actions.run", "studio.actions.start",
        "studio.actions.statistics" })
class KitsuSuite {
}
