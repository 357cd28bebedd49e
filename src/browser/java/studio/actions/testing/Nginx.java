package studio.actions.testing;

import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

/** Kitsu's reverse proxy with the overlay's rule for this service. Only the ports differ. */
public final class Nginx implements AutoCloseable {

    private static final Path RULE = Path.of("k8s/overlays/sidecar/kitsu-actions.conf");

    private final Path folder;
    private final int port = Packaged.freePort();
    private Process process;

    /** @param site the folder with Kitsu's pages, which nginx serves beside {@code /api} */
    public Nginx(Path folder, int service, String zou, Path site) throws IOException {
        this.folder = folder;
        String rule = Files.readString(RULE).replace("127.0.0.1:8080", "127.0.0.1:" + service)
                .replace("http://localhost:5000", zou);
        Files.writeString(folder.resolve("kitsu-actions.conf"), rule);
        Files.writeString(folder.resolve("nginx.conf"), """
                daemon off;
                pid %1$s/nginx.pid;
                error_log %1$s/error.log;
                events {}
                http {
                    access_log %1$s/access.log;
                    client_body_temp_path %1$s/body;
                    proxy_temp_path %1$s/proxy;
                    fastcgi_temp_path %1$s/fastcgi;
                    uwsgi_temp_path %1$s/uwsgi;
                    scgi_temp_path %1$s/scgi;
                    types { text/html html; }
                    server {
                        listen 127.0.0.1:%2$d;
                        location /api {
                            client_max_body_size 500M;
                            proxy_pass %3$s/;
                        }
                        include %1$s/rule/*.conf;
                        location / {
                            root %4$s;
                        }
                    }
                }
                user root;
                """.formatted(folder, port, zou, site.toAbsolutePath()));
        Files.createDirectories(folder.resolve("rule"));
        start(true);
    }

    public String url() {
        return "http://127.0.0.1:" + port;
    }

    /** Restarts nginx with or without our rule. */
    public void start(boolean withRule) throws IOException {
        close();
        Path rule = folder.resolve("rule/kitsu-actions.conf");
        Files.deleteIfExists(rule);
        if (withRule) {
            Files.copy(folder.resolve("kitsu-actions.conf"), rule);
        }
        process = new ProcessBuilder("nginx", "-p", folder.toString(), "-c", folder.resolve("nginx.conf").toString(), "-e",
                folder.resolve("error.log").toString()).redirectErrorStream(true)
                .redirectOutput(folder.resolve("nginx.log").toFile()).start();
        await().atMost(Duration.ofSeconds(10)).ignoreExceptions().until(() -> {
            new Socket("127.0.0.1", port).close();
            return true;
        });
    }

    @Override
    public void close() {
        if (process != null) {
            process.destroy();
            process.onExit().join();
        }
    }
}
