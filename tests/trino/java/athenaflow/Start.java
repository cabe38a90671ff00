package athenaflow;

import io.trino.server.Server;

/**
 * Starts one Trino node. Trino's own main class comes in its 800 MB archive alone; this is what
 * it does.
 */
final class Start {
    private Start() {}

    public static void main(String[] arguments) {
        new Server().start(arguments[0]);
    }
}
