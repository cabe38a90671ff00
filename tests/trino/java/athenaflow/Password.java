package athenaflow;

import io.trino.spi.Plugin;
import io.trino.spi.security.AccessDeniedException;
import io.trino.spi.security.BasicPrincipal;
import io.trino.spi.security.PasswordAuthenticator;
import io.trino.spi.security.PasswordAuthenticatorFactory;
import java.util.List;
import java.util.Map;

/**
 * One user with one password. Trino's own plugin for a file of them is not in Maven Central; the
 * rest, from TLS to the answer 401, is Trino's.
 */
public final class Password implements Plugin, PasswordAuthenticatorFactory {
    @Override
    public List<PasswordAuthenticatorFactory> getPasswordAuthenticatorFactories() {
        return List.of(this);
    }

    @Override
    public String getName() {
        return "one";
    }

    @Override
    public PasswordAuthenticator create(Map<String, String> config) {
        return (user, password) -> {
            if (user.equals(config.get("user")) && password.equals(config.get("password"))) {
                return new BasicPrincipal(user);
            }
            throw new AccessDeniedException("Invalid credentials");
        };
    }
}
