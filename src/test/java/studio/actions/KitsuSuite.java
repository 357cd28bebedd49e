package studio.actions;

import org.junit.platform.suite.api.ExcludePackages;
import org.junit.platform.suite.api.SelectPackages;
import org.junit.platform.suite.api.Suite;

/** All tests of classes that are not in {@link EngineSuite}. */
@Suite
@SelectPackages("studio.actions")
@ExcludePackages({ "studio.actions.news", "studio.actions.problem", "studio.actions.run", "studio.actions.start" })
class KitsuSuite {
}
