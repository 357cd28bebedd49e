package studio.actions;

import org.junit.platform.suite.api.IncludePackages;
import org.junit.platform.suite.api.SelectPackages;
import org.junit.platform.suite.api.Suite;

/** Half of the tests of classes. Surefire runs it beside the other half, {@link KitsuSuite}, in a process of its own. */
@Suite
@SelectPackages("studio.actions")
@IncludePackages({ "studio.actions.news", "studio.actions.problem", "studio.actions.run", "studio.actions.start" })
class EngineSuite {
}
