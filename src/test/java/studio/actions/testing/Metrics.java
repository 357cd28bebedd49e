package studio.actions.testing;

import java.net.URL;

import io.restassured.RestAssured;

/** The metrics as Prometheus scrapes them. */
public final class Metrics {

    private Metrics() {
    }

    public static String scrape(URL metrics) {
        return RestAssured.given().get(metrics).then().statusCode(200).extract().asString();
    }

    /** Returns the value of a series, or NaN if there is no such series. */
    public static double of(URL metrics, String series) {
        return scrape(metrics).lines().filter(line -> line.startsWith(series + " "))
                .map(line -> Double.parseDouble(line.substring(series.length() + 1))).findFirst().orElse(Double.NaN);
    }
}
