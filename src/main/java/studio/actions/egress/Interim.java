package studio.actions.egress;

import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpStatusClass;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.handler.ssl.SslCloseCompletionEvent;
import io.netty.util.ReferenceCountUtil;

/**
 * Stands between Netty's codec and Vert.x. It passes over interim answers (RFC 9110, 15.2), of which Vert.x knows but two, and
 * takes the end of TLS for the end of an answer without a length (RFC 9112, 6.3), for which Vert.x would wait.
 */
final class Interim extends ChannelInboundHandlerAdapter {

    /** As many as one answer may have before it. */
    static final int MOST = 100;

    private final Runnable tooMany;
    private int seen;
    private boolean passing;

    Interim(Runnable tooMany) {
        this.tooMany = tooMany;
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        if (message instanceof HttpResponse response && isInterim(response.status())) {
            passing = true;
            if (++seen == MOST + 1) {
                tooMany.run();
            }
        }
        if (passing) {
            passing = !(message instanceof LastHttpContent);
            ReferenceCountUtil.release(message);
        } else {
            context.fireChannelRead(message);
        }
    }

    /** 101 is no interim answer: it ends HTTP. */
    private static boolean isInterim(HttpResponseStatus status) {
        return status.codeClass() == HttpStatusClass.INFORMATIONAL && status.code() != 101;
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext context, Object event) {
        if (event == SslCloseCompletionEvent.SUCCESS) {
            context.close();
        } else {
            context.fireUserEventTriggered(event);
        }
    }
}
