package studio.actions.testing;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.List;

import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;

import io.smallrye.certs.CertificateRequest;
import io.smallrye.certs.CertificateUtils;
import io.smallrye.certs.ca.CaGenerator;

/** A studio's own certificate authority, and servers' certificates from it and from elsewhere. Made anew for each test run. */
public final class Certificates {

    private static final char[] PASSWORD = "secret".toCharArray();

    private static final Certificates SHARED = new Certificates();

    private final Path authority;
    private final CertificateRequest.Issuer issuer;

    private Certificates() {
        try {
            Path folder = Files.createTempDirectory(Files.createDirectories(Path.of("target")), "certificates-");
            authority = folder.resolve("studio-ca.pem");
            File store = folder.resolve("studio-ca.p12").toFile();
            X509Certificate root = new CaGenerator(authority.toFile(), folder.resolve("studio-ca.key").toFile(), store,
                    new String(PASSWORD)).generate("Studio CA", null, null, null, null, null);
            issuer = new CertificateRequest.Issuer(root, (PrivateKey) KeyStore.getInstance(store, PASSWORD)
                    .getKey(CaGenerator.KEYSTORE_KEY_ENTRY, PASSWORD));
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    public static Certificates shared() {
        return SHARED;
    }

    /** The PEM file of the studio's authority. */
    public Path authority() {
        return authority;
    }

    /** From the studio's authority, for {@code DNS:} and {@code IP:} names. */
    public SSLContext of(String... names) {
        return server(List.of(names), Duration.ofDays(30), issuer);
    }

    /** From the studio's authority, up to yesterday. */
    public SSLContext outOfDate(String... names) {
        return server(List.of(names), Duration.ofDays(-1), issuer);
    }

    /** From nobody but itself. */
    public SSLContext ofNobody(String... names) {
        return server(List.of(names), Duration.ofDays(30), null);
    }

    private static SSLContext server(List<String> names, Duration valid, CertificateRequest.Issuer issuer) {
        try {
            KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA");
            generator.initialize(2048);
            KeyPair pair = generator.generateKeyPair();
            Certificate certificate = CertificateUtils.generateCertificate(pair, "receiver", names, valid, issuer);
            KeyStore store = KeyStore.getInstance("PKCS12");
            store.load(null, null);
            store.setKeyEntry("receiver", pair.getPrivate(), PASSWORD, new Certificate[] { certificate });
            KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
            keys.init(store, PASSWORD);
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(keys.getKeyManagers(), null, null);
            return context;
        } catch (Exception e) {
            throw new IllegalStateException("no certificate was made", e);
        }
    }
}
