import java.lang.reflect.Field;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import software.amazon.dynamodb.services.local.main.ServerRunner;
import software.amazon.dynamodb.services.local.server.DynamoDBProxyServer;

/**
 * Starts DynamoDB Local on 127.0.0.1 alone (by itself it listens on every interface), on the port given first, 0 for a
 * free one; the other arguments are DynamoDB Local's. Prints "listening <port>" and ends when its standard input ends.
 */
public final class Launcher {
    public static void main(String[] args) throws Exception {
        String[] theirs = new String[args.length + 1];
        System.arraycopy(args, 1, theirs, 0, args.length - 1);
        theirs[args.length - 1] = "-port";
        theirs[args.length] = "8000"; // replaced below

        DynamoDBProxyServer proxy = ServerRunner.createServerFromCommandLineArgs(theirs);
        Field field = DynamoDBProxyServer.class.getDeclaredField("server");
        field.setAccessible(true);
        ServerConnector connector = (ServerConnector) ((Server) field.get(proxy)).getConnectors()[0];
        connector.setHost("127.0.0.1");
        connector.setPort(Integer.parseInt(args[0]));
        connector.open(); // a port that is taken fails here, in one line
        proxy.safeStart(); // start() would send telemetry
        System.out.println("listening " + connector.getLocalPort());

        while (System.in.read() >= 0) {
        }
        proxy.stop();
        System.exit(0);
    }
}
