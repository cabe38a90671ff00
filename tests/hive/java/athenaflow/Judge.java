package athenaflow;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.hadoop.hive.conf.HiveConf;
import org.apache.hadoop.hive.metastore.IMetaStoreClient;
import org.apache.hadoop.hive.metastore.api.FieldSchema;
import org.apache.hadoop.hive.metastore.api.Partition;
import org.apache.hadoop.hive.metastore.api.StorageDescriptor;
import org.apache.hadoop.hive.metastore.api.Table;
import org.apache.hadoop.hive.ql.Driver;
import org.apache.hadoop.hive.ql.metadata.Hive;
import org.apache.hadoop.hive.ql.parse.ParseDriver;
import org.apache.hadoop.hive.ql.processors.CommandProcessorResponse;
import org.apache.hadoop.hive.ql.session.SessionState;

/**
 * Hive, asked line by line: a request is one line of JSON on stdin, its answer one on stdout.
 *
 * <p>{@code {"ask": "parse" | "run", "sql": ...}} and {@code {"ask": "table" | "partitions",
 * "database": ..., "name": ...}}; the answer holds {@code "is"}, or {@code "refused"} with Hive's own
 * words. Tables and partitions come in the shape of Glue's API. The end of stdin ends the process.
 */
public final class Judge {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final HiveConf conf;
  private final ParseDriver parser = new ParseDriver();
  private Driver driver;

  private Judge(Path work, Path buckets) {
    conf = new HiveConf();
    Map<String, Object> settings = new LinkedHashMap<>();
    settings.put("fs.s3.impl", LocalS3.class.getName());
    settings.put(LocalS3.ROOT, buckets);
    settings.put("javax.jdo.option.ConnectionURL", "jdbc:derby:memory:metastore;create=true");
    settings.put("datanucleus.schema.autoCreateAll", true);
    settings.put("hive.metastore.schema.verification", false);
    settings.put("hive.metastore.warehouse.dir", work.resolve("warehouse"));
    settings.put("hive.exec.scratchdir", work.resolve("scratch"));
    settings.put("hive.exec.local.scratchdir", work.resolve("local"));
    settings.put("hive.querylog.location", work.resolve("log"));
    settings.put("hadoop.tmp.dir", work.resolve("tmp"));
    settings.put("hive.support.concurrency", false);
    settings.put("hive.stats.autogather", false);
    settings.put("hive.cbo.enable", false);
    // A SELECT without aggregates is read here and now, and its values keep their types.
    settings.put("hive.fetch.task.conversion", "more");
    settings.put("hive.fetch.task.conversion.threshold", -1);
    settings.put(
        "list.sink.output.formatter", "org.apache.hadoop.hive.serde2.thrift.ThriftFormatter");
    settings.forEach((key, value) -> conf.set(key, value.toString()));
  }

  public static void main(String[] args) throws Exception {
    PrintStream answers = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    System.setOut(System.err); // whatever Hive prints is no answer
    Judge judge = new Judge(Path.of(args[0]), Path.of(args[1]));
    BufferedReader requests =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = requests.readLine(); line != null; line = requests.readLine()) {
      Map<String, Object> answer = new LinkedHashMap<>();
      try {
        answer.put("is", judge.answer(JSON.readTree(line)));
      } catch (Exception | LinkageError refused) {
        refused.printStackTrace();
        answer.put("refused", words(refused));
      }
      answers.println(JSON.writeValueAsString(answer));
    }
    System.exit(0);
  }

  /** The message, and its first cause unless the message says it. */
  private static String words(Throwable thrown) {
    Throwable first = thrown;
    while (first.getCause() != null) {
      first = first.getCause();
    }
    String message = String.valueOf(thrown.getMessage());
    return message.contains(String.valueOf(first.getMessage())) ? message : message + " <- " + first;
  }

  private Object answer(JsonNode request) throws Exception {
    String ask = request.get("ask").asText();
    switch (ask) {
      case "parse":
        return parser.parse(request.get("sql").asText()).toStringTree();
      case "run":
        return run(request.get("sql").asText());
      case "table":
        return table(request.get("database").asText(), request.get("name").asText());
      case "partitions":
        return partitions(request.get("database").asText(), request.get("name").asText());
      default:
        throw new IllegalArgumentException(ask);
    }
  }

  private List<Object> run(String sql) throws Exception {
    if (driver == null) {
      SessionState.start(conf);
      driver = new Driver(conf);
    }
    CommandProcessorResponse done = driver.run(sql);
    if (done.getResponseCode() != 0) {
      throw new Exception(done.getErrorMessage(), done.getException());
    }
    List<Object> rows = new ArrayList<>();
    for (List<Object> some = new ArrayList<>(); driver.getResults(some); some.clear()) {
      rows.addAll(some);
    }
    return rows;
  }

  private IMetaStoreClient metastore() throws Exception {
    return Hive.get(conf).getMSC();
  }

  private Map<String, Object> table(String database, String name) throws Exception {
    Table table = metastore().getTable(database, name);
    Map<String, Object> shape = new LinkedHashMap<>();
    shape.put("Name", table.getTableName());
    shape.put("TableType", table.getTableType());
    shape.put("Parameters", table.getParameters());
    shape.put("PartitionKeys", columns(table.getPartitionKeys()));
    shape.put("StorageDescriptor", storage(table.getSd()));
    return shape;
  }

  private List<Object> partitions(String database, String name) throws Exception {
    List<Object> shapes = new ArrayList<>();
    for (Partition partition : metastore().listPartitions(database, name, (short) -1)) {
      Map<String, Object> shape = new LinkedHashMap<>();
      shape.put("Values", partition.getValues());
      shape.put("StorageDescriptor", storage(partition.getSd()));
      shapes.add(shape);
    }
    return shapes;
  }

  private static Map<String, Object> storage(StorageDescriptor found) {
    Map<String, Object> serde = new LinkedHashMap<>();
    serde.put("SerializationLibrary", found.getSerdeInfo().getSerializationLib());
    serde.put("Parameters", found.getSerdeInfo().getParameters());
    Map<String, Object> shape = new LinkedHashMap<>();
    shape.put("Columns", columns(found.getCols()));
    shape.put("Location", found.getLocation());
    shape.put("InputFormat", found.getInputFormat());
    shape.put("OutputFormat", found.getOutputFormat());
    shape.put("SerdeInfo", serde);
    return shape;
  }

  private static List<Object> columns(List<FieldSchema> found) {
    List<Object> shapes = new ArrayList<>();
    for (FieldSchema column : found) {
      Map<String, Object> shape = new LinkedHashMap<>();
      shape.put("Name", column.getName());
      shape.put("Type", column.getType());
      if (column.getComment() != null) {
        shape.put("Comment", column.getComment());
      }
      shapes.add(shape);
    }
    return shapes;
  }
}
