package bare;

import java.util.List;

import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;

/** One path. */
@Path("/things")
public class Things {

    @GET
    public List<Thing> list() {
        return Thing.listAll();
    }
}
