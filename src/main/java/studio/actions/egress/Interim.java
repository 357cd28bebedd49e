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
 * A Netty handler between the HTTP codec and Vert.x. Drops interim responses (1xx; RFC 9110, 15.2), because Vert.x understands
 * only 100 and 103. Treats a TLS close_notify as the end of a response without a length (RFC 9112, 6.3 and 9.8).
 */
final class Interim extends ChannelInboundHandlerAdapter {

    /** The most interim responses before the final one. If one more arrives, the attempt fails. */
    static final int MOST = 100;

    private final Runnable tooMany;
    private int seen;
    private boolean passing;

    Interim(Runnable tooMany) {
        this.tooMany = tooMany;
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        if (message instanceof HttpResponse response && isInterim(response.status())
                && response.decoderResult().isSuccess()) {
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

    /** Returns true for 1xx except 101: after a 101, the connection no longer carries HTTP. */
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
