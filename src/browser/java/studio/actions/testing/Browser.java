package studio.actions.testing;

import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.logging.Level;

import org.openqa.selenium.By;
import org.openqa.selenium.Cookie;
import org.openqa.selenium.Dimension;
import org.openqa.selenium.OutputType;
import org.openqa.selenium.chrome.ChromeDriver;
import org.openqa.selenium.chrome.ChromeDriverService;
import org.openqa.selenium.chrome.ChromeOptions;
import org.openqa.selenium.logging.LogEntry;
import org.openqa.selenium.logging.LogType;
import org.openqa.selenium.logging.LoggingPreferences;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

/** Headless Chromium, from Debian's packages for the browser and its driver. */
public final class Browser implements AutoCloseable {

    private static final ObjectMapper JSON = new ObjectMapper();

    private final ChromeDriver driver;

    /** @param hosts host names that resolve to this machine, such as {@code kitsu.lan} */
    public Browser(Path folder, List<String> hosts) {
        ChromeOptions options = new ChromeOptions();
        options.setBinary("/usr/bin/chromium");
        // Keeps Chromium from contacting Google's servers at every start.
        options.addArguments("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
                "--disable-component-update", "--disable-sync", "--user-data-dir=" + folder.resolve("profile"),
                "--host-resolver-rules=" + String.join(",", hosts.stream().map(host -> "MAP " + host + " 127.0.0.1").toList()));
        LoggingPreferences console = new LoggingPreferences();
        console.enable(LogType.BROWSER, Level.ALL);
        options.setCapability(ChromeOptions.LOGGING_PREFS, console);
        driver = new ChromeDriver(
                new ChromeDriverService.Builder().usingDriverExecutable(Path.of("/usr/bin/chromedriver").toFile())
                        .usingPort(Packaged.freePort()).withLogFile(folder.resolve("chromedriver.log").toFile()).build(),
                options);
        driver.manage().timeouts().scriptTimeout(Duration.ofSeconds(60));
    }

    public void open(String url) {
        driver.get(url);
    }

    /** Returns the tab's address, with its fragment, even an empty one. */
    public String address() {
        return script("return location.href").asText();
    }

    public String source() {
        return driver.getPageSource();
    }

    /** Returns the visible text. */
    public String text() {
        return driver.findElement(By.tagName("body")).getText();
    }

    /** Sets the cookie that Kitsu's login sets, which also replaces an earlier one. */
    public void signIn(String token) {
        driver.manage().addCookie(new Cookie.Builder("access_token_cookie", token).path("/").isHttpOnly(true).build());
    }

    public void signOut() {
        driver.manage().deleteAllCookies();
    }

    /** Runs a function body in the page and returns its result. Waits if that is a promise. */
    public JsonNode script(String body, Object... arguments) {
        return JSON.valueToTree(driver.executeScript(body, arguments));
    }

    /** Returns the messages that the browser has put into its console since the last call, except debug messages. */
    public List<String> console() {
        return driver.manage().logs().get(LogType.BROWSER).getAll().stream()
                .filter(entry -> entry.getLevel().intValue() >= Level.INFO.intValue()).map(LogEntry::getMessage).toList();
    }

    public void size(int width, int height) {
        driver.manage().window().setSize(new Dimension(width, height));
    }

    /** Saves a picture of the visible part of the page. */
    public void picture(Path file) throws IOException {
        Files.createDirectories(file.getParent());
        Files.write(file, driver.getScreenshotAs(OutputType.BYTES));
    }

    /** Presses a key in the element that has the focus. */
    public void key(CharSequence key) {
        driver.switchTo().activeElement().sendKeys(key);
    }

    public void type(String selector, String text) {
        driver.findElement(By.cssSelector(selector)).sendKeys(text);
    }

    public void acceptQuestion() {
        driver.switchTo().alert().accept();
    }

    /** Sets a cookie of the page. */
    public void cookie(String name, String value, String path) {
        driver.manage().addCookie(new Cookie.Builder(name, value).path(path).build());
    }

    /** Clicks on the element as a person does. */
    public void click(String selector) {
        driver.findElement(By.cssSelector(selector)).click();
    }

    /** Waits for a second tab and switches to the newest one. */
    public void toNewTab() {
        await().atMost(Duration.ofSeconds(10)).until(() -> tabs().size() > 1);
        driver.switchTo().window(tabs().get(tabs().size() - 1));
    }

    /** Closes all tabs but the first and switches to that. */
    public void toFirstTab() {
        List<String> tabs = tabs();
        tabs.subList(1, tabs.size()).forEach(tab -> driver.switchTo().window(tab).close());
        driver.switchTo().window(tabs.get(0));
    }

    private List<String> tabs() {
        return List.copyOf(driver.getWindowHandles());
    }

    @Override
    public void close() {
        driver.quit();
    }
}
