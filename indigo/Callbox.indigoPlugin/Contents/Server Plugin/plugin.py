"""Callbox for Indigo: what Indigo calls. All that is done is in the package callbox.indigo."""

try:
    import indigo
except ImportError:  # Indigo puts it in place
    pass

from callbox.indigo.mistake import Mistake
from callbox.indigo.plugin import Callbox


class Plugin(indigo.PluginBase):
    """The plugin, as Indigo makes it."""

    def __init__(self, plugin_id, display_name, version, prefs, **kwargs):
        super().__init__(plugin_id, display_name, version, prefs, **kwargs)
        self.callbox = Callbox(indigo, self)

    # life

    def startup(self):
        self.callbox.startup()

    def runConcurrentThread(self):
        self.callbox.run()

    def stopConcurrentThread(self):
        super().stopConcurrentThread()
        self.callbox.stop()

    def prepareToSleep(self):
        """Leave devices and triggers as they are: what is kept goes on after the sleep."""

    def wakeUp(self):
        self.callbox.wake_up()

    # devices and triggers

    def deviceStartComm(self, device):
        self.callbox.device_started(device)

    def deviceStopComm(self, device):
        self.callbox.device_stopped(device)

    def deviceUpdated(self, before, after):
        super().deviceUpdated(before, after)
        self.callbox.device_updated(before, after)

    def deviceDeleted(self, device):
        super().deviceDeleted(device)
        self.callbox.people_changed()

    def triggerStartProcessing(self, trigger):
        self.callbox.trigger_started(trigger)

    def triggerStopProcessing(self, trigger):
        self.callbox.trigger_stopped(trigger)

    # dialogs

    def pickTwilioContact(self, filter="", valuesDict=None, typeId="", targetId=0):
        return self.callbox.dialogs.contacts()

    def pickContactsOnly(self, filter="", valuesDict=None, typeId="", targetId=0):
        return self.callbox.dialogs.members()

    def pickTwilioNumber(self, filter="", valuesDict=None, typeId="", targetId=0):
        return self.callbox.dialogs.numbers_or_any()

    def pickTwilioNumberOnly(self, filter="", valuesDict=None, typeId="", targetId=0):
        return self.callbox.dialogs.numbers()

    def pickActionGroup(self, filter="", valuesDict=None, typeId="", targetId=0):
        return self.callbox.dialogs.action_groups()

    def validatePrefsConfigUi(self, valuesDict):
        return self.callbox.dialogs.preferences(valuesDict)

    def validateDeviceConfigUi(self, valuesDict, typeId, devId):
        return self.callbox.dialogs.device(valuesDict, typeId, devId)

    def validateActionConfigUi(self, valuesDict, typeId, devId):
        return self.callbox.dialogs.action(valuesDict, typeId, devId)

    def validateEventConfigUi(self, valuesDict, typeId, eventId):
        return self.callbox.dialogs.event(valuesDict, typeId)

    def closedPrefsConfigUi(self, valuesDict, userCancelled):
        if not userCancelled:
            self.callbox.configure(valuesDict)

    # actions

    def sendSMSAction(self, action, dev=None, callerWaitingForResult=None):
        return self.callbox.actions.send("sendSMS", action, dev, waits=callerWaitingForResult)

    def sendMMSAction(self, action, dev=None, callerWaitingForResult=None):
        return self.callbox.actions.send("sendMMS", action, dev, waits=callerWaitingForResult)

    def voiceCallAction(self, action, dev=None, callerWaitingForResult=None):
        return self.callbox.actions.send("voiceCall", action, dev, waits=callerWaitingForResult)

    def voiceMessageAction(self, action, dev=None, callerWaitingForResult=None):
        return self.callbox.actions.send("voiceMessage", action, dev, waits=callerWaitingForResult)

    def doFlowAction(self, action, dev=None, callerWaitingForResult=None):
        return self.callbox.actions.send("doFlowAction", action, dev, waits=callerWaitingForResult)

    def replySMSAction(self, action, dev=None, callerWaitingForResult=None):
        return self.callbox.actions.send("replySMS", action, dev, waits=callerWaitingForResult)

    def askQuestionAction(self, action, dev=None, callerWaitingForResult=None):
        return self.callbox.actions.ask(action, dev, waits=callerWaitingForResult)

    def checkMessagesAction(self, action, dev=None, callerWaitingForResult=None):
        return self.callbox.actions.check(waits=callerWaitingForResult)

    def deliveryStatusAction(self, action, dev=None, callerWaitingForResult=None):
        return self.callbox.actions.status(action.props, waits=callerWaitingForResult)

    # the web server

    def checkMessagesWebHook(self, action, dev=None, callerWaitingForResult=None):
        return self.callbox.actions.ping()

    def pingWebHook(self, action, dev=None, callerWaitingForResult=None):
        return self.callbox.actions.ping()

    def receiveWebHook(self, action, dev=None, callerWaitingForResult=None):
        return self.callbox.receive(action.props)

    # menus

    def menuCheckMessages(self):
        self.callbox.actions.check(waits=False)

    def menuCheckSetup(self):
        self.callbox.check_setup()

    def menuSimulateText(self, valuesDict, typeId=""):
        try:
            self.callbox.simulate(
                valuesDict["fromNumber"], valuesDict["twilioNumber"], valuesDict["message"]
            )
        except Mistake as mistake:
            errors = indigo.Dict()
            errors[mistake.field or "fromNumber"] = mistake.sentence
            return False, valuesDict, errors
        return True
